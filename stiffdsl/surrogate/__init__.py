"""Stand-ins for models: trained on solves of the full model, with a measured error and a stated domain.

`learn.train.train(task)` makes a `core.surrogate.Surrogate` of a `core.task.Task`. Layers, top first: `of_model` and
`part` (the only ones that know of models and their compiler), `learn`, `storage`, `methods`, `core`, `regression`.
"""
