# From raw clips to flow, holes, fills and edges. What each rule reads, writes and runs stands in
# dvc.yaml.


rule index:
    input:
        partial(dag.inputs, "index"),
    output:
        *dag.patterns("index"),
    log:
        dag.log("index"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("index")
    resources:
        **dag.resources("index"),
    params:
        command=partial(dag.command, "index"),
        values=partial(dag.values, "index"),
    shell:
        "{params.command} > {log} 2>&1"


rule sequences:
    input:
        partial(dag.inputs, "sequences"),
    output:
        *dag.patterns("sequences"),
    log:
        dag.log("sequences"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("sequences")
    resources:
        **dag.resources("sequences"),
    params:
        command=partial(dag.command, "sequences"),
        values=partial(dag.values, "sequences"),
    shell:
        "{params.command} > {log} 2>&1"


rule flow:
    input:
        partial(dag.inputs, "flow"),
    output:
        *dag.patterns("flow"),
    log:
        dag.log("flow"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("flow")
    resources:
        **dag.resources("flow"),
    params:
        command=partial(dag.command, "flow"),
        values=partial(dag.values, "flow"),
    shell:
        "{params.command} > {log} 2>&1"


rule holes:
    input:
        partial(dag.inputs, "holes"),
    output:
        *dag.patterns("holes"),
    log:
        dag.log("holes"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("holes")
    resources:
        **dag.resources("holes"),
    params:
        command=partial(dag.command, "holes"),
        values=partial(dag.values, "holes"),
    shell:
        "{params.command} > {log} 2>&1"


rule edges:
    input:
        partial(dag.inputs, "edges"),
    output:
        *dag.patterns("edges"),
    log:
        dag.log("edges"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("edges")
    resources:
        **dag.resources("edges"),
    params:
        command=partial(dag.command, "edges"),
        values=partial(dag.values, "edges"),
    shell:
        "{params.command} > {log} 2>&1"
