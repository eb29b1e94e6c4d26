"""The paper as layers, read in this order: straight_through, kd_code_learner, compositions/, kd_embedding."""
