/** The TOML reader for the metadata of Python scripts, bundled once. */
export { parse, TomlError } from "smol-toml";
