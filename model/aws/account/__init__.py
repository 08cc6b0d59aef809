"""An AWS account: its clients, refusals and dry run, files in S3, names of what is made there."""
