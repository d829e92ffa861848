# One training per experiment, all seeds of the scale.


rule train:
    input:
        partial(dag.inputs, "train"),
    output:
        *dag.patterns("train"),
    log:
        dag.log("train"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("train")
    resources:
        **dag.resources("train"),
    params:
        command=partial(dag.command, "train"),
        values=partial(dag.values, "train"),
    shell:
        "{params.command} > {log} 2>&1"
