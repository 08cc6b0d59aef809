"""The same work on several processes and machines, by Dask."""
