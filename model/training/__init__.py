"""Training: recipes, data, augmentation, losses, fitting, calibration, model cards, tuning and cross-validation."""
