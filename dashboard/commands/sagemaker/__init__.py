"""floodscope sagemaker: endpoints and jobs at AWS."""
