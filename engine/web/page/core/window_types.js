/** The window types that the page shows by itself; everything else is a window plugin. */
export const BUILT_IN_TYPES = [
  "imjoy/image",
  "imjoy/image-compare",
  "imjoy/generic",
  "imjoy/markdown",
  "imjoy/panel",
  "imjoy/joy",
  "imjoy/schema-io",
  "imjoy/plugin-editor",
];
