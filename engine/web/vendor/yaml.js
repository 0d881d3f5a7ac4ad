/** The YAML reader that checks plugin files, bundled once. */
export { load, YAMLException } from "js-yaml";
