"""Jobs at SageMaker: training, tuning and batch transform."""
