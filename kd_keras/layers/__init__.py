"""The paper as Keras layers.

Read them in the paper's order: `straight_through`, `kd_code_learner`,
`compositions/`, `kd_embedding`.
"""
