# Tables, figures and the report page.


rule evaluate:
    input:
        partial(dag.inputs, "evaluate"),
    output:
        report(
            dag.patterns("evaluate"), caption="../report/tables.rst", category="Tables"
        ),
    log:
        dag.log("evaluate"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("evaluate")
    resources:
        **dag.resources("evaluate"),
    params:
        command=partial(dag.command, "evaluate"),
        values=partial(dag.values, "evaluate"),
    shell:
        "{params.command} > {log} 2>&1"


rule figures:
    input:
        partial(dag.inputs, "figures"),
    output:
        report(
            *dag.patterns("figures"),
            patterns=["{name}.png"],
            caption="../report/figures.rst",
            category="Figures",
        ),
    log:
        dag.log("figures"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("figures")
    resources:
        **dag.resources("figures"),
    params:
        command=partial(dag.command, "figures"),
        values=partial(dag.values, "figures"),
    shell:
        "{params.command} > {log} 2>&1"


rule report:
    input:
        partial(dag.inputs, "report"),
    output:
        report(dag.patterns("report"), caption="../report/page.rst", category="Report"),
    log:
        dag.log("report"),
    conda:
        "../envs/flowmend.yaml"
    threads: dag.threads("report")
    resources:
        **dag.resources("report"),
    params:
        command=partial(dag.command, "report"),
        values=partial(dag.values, "report"),
    shell:
        "{params.command} > {log} 2>&1"
