"""A small comparison on the digits, and the names of its methods."""

QUICK = {
    "student.kind": "linear",
    "sampler.chains": 4,
    "sampler.draws": 10,
    "sampler.thinning": 2,
    "sampler.warm_start_steps": 50,
    "sampler.burn_in": 10,
    "teachers": "digits-0-4,digits-5-9",
}
#: The calls, and the rows of posteriors; one call gives those of all single teachers.
CALLS = ("mt_bkd", "no_teacher", "teacher:digits-0-4")
POSTERIORS = (*CALLS, "teacher:digits-5-9")
MEANS = ("teachers_mean", "teachers_weighted", "teachers_tuned")
NETWORKS = ("mean_kd", "ebkd", "ca_mkd", "ae_kd", "end2", "deep_ensemble", "mc_dropout", "laplace", "swag")
SCALED = NETWORKS[:5]
ROWS = [
    *POSTERIORS,
    "warm_start",
    *MEANS,
    *NETWORKS,
    *(f"{name}_ensemble" for name in NETWORKS if name != "deep_ensemble"),
    *(f"{name}_scaled" for name in SCALED),
]
