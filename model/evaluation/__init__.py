"""What an evaluation can ask beside the scores: of changed images, of other models, of sizes of water, of whole chips."""
