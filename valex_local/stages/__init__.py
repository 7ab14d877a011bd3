"""The stages of the pipeline, one package per stage and one module per engine; `registry` lists them."""
