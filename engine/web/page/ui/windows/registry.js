/** Which component shows which built-in window type. */

import { EditorWindow } from "./editor_window.js";
import { FormWindow } from "./form_window.js";
import { CompareWindow, ImageWindow } from "./image_window.js";
import { MarkdownWindow } from "./markdown_window.js";
import { ObjectWindow } from "./object_window.js";
import { SchemaWindow } from "./schema_window.js";

/** @typedef {import("../../state/windows.js").CoreWindow} CoreWindow */

/** @type {Map<string, (props: {window: CoreWindow}) => any>} */
export const BUILT_IN_WINDOWS = new Map([
  ["imjoy/image", ImageWindow],
  ["imjoy/image-compare", CompareWindow],
  ["imjoy/generic", ObjectWindow],
  ["imjoy/markdown", MarkdownWindow],
  ["imjoy/panel", FormWindow],
  ["imjoy/joy", FormWindow],
  ["imjoy/schema-io", SchemaWindow],
  ["imjoy/plugin-editor", EditorWindow],
]);
