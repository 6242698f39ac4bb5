"""Stand-ins for models: trained on solves of the full model, with a measured error and a stated domain.

`train.train(task)` makes a `surrogate.Surrogate` of a `task.Task`. This package knows of no compiler.
"""
