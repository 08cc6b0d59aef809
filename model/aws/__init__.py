"""SageMaker: package, deploy, upload, train, tune and batch transform. Plain boto3 but for training and tuning."""
