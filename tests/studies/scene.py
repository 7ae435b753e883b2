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
NETWORKS = ("mean_kd", "mean_kd_tuned", "ebkd", "ca_mkd", "mc_dropout", "laplace")
ROWS = [*POSTERIORS, "deep_ensemble", *NETWORKS, *(f"{name}_ensemble" for name in NETWORKS)]
