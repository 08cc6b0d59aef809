"""Serving: the model behind HTTP, by the hosting contract of SageMaker."""
