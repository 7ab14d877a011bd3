"""The stages of the pipeline: a package a stage, a module an engine; `registry` lists them."""
