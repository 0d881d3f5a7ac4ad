/** The engine's files, as the core's file dialogs and plugins use them. */

import { LinkError } from "./errors.js";

/** @typedef {import("./session.js").Session} Session */

/** How long a directory tree may take to be listed or removed, in seconds. */
const TREE_TIMEOUT_S = 120;

export class EngineFiles {
  /**
   * @param {Session} session
   * @param {(url: string, init?: RequestInit) => Promise<Response>} load
   */
  constructor(session, load) {
    this.session = session;
    this.load = load;
  }

  /**
   * Return `{path, name, type: "dir", sep, children: [{name, type, size?, children?}]}`.
   * @param {string} [root]
   * @param {string} [type] "file" or "dir" to see only those
   * @param {boolean} [recursive]
   * @returns {Promise<Record<string, any>>}
   */
  async listFiles(root, type, recursive) {
    const payload = { path: root, type, recursive: recursive === true };
    return plain(await this.session.request("list_dir", payload, { timeoutS: TREE_TIMEOUT_S }));
  }

  /**
   * @param {string} path
   * @param {string} [type] "file" or "dir"
   * @param {boolean} [recursive]
   * @returns {Promise<Record<string, any>>}
   */
  async removeFile(path, type, recursive) {
    const payload = { path, type, recursive: recursive === true };
    const how = { timeoutS: TREE_TIMEOUT_S };
    return plain(await this.session.request("remove_files", payload, how));
  }

  /**
   * Return an address under which anybody can read the file for a while.
   * @param {{path: string} & Record<string, any>} config
   * @returns {Promise<string>}
   */
  async getFileUrl({ path }) {
    const { url } = await this.session.request("get_file_url", { path });
    return new URL(url, this.session.url).href;
  }

  /**
   * Return an address to which one file can be posted, as `file` of a form.
   * @param {{path?: string, dir?: string, overwrite?: boolean} & Record<string, any>} config
   * @returns {Promise<string>}
   */
  async requestUploadUrl({ path, dir, overwrite }) {
    const payload = { path, dir, overwrite: overwrite === true };
    const { url } = await this.session.request("request_upload_url", payload);
    return new URL(url, this.session.url).href;
  }

  /**
   * Store the file under `path` (by its own name when that is missing), and return what the engine
   * says of it. LinkError when it refuses.
   * @param {File} file
   * @param {string} [path]
   * @param {{overwrite?: boolean}} [how]
   * @returns {Promise<Record<string, any>>}
   */
  async putFile(file, path, { overwrite = false } = {}) {
    const url = await this.requestUploadUrl({ path: path || file.name, overwrite });
    const form = new FormData();
    form.append("file", file, file.name);
    const response = await this.load(url, { method: "POST", body: form });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok || answer.success === false) {
      const why = answer.message || answer.error || `${response.status} ${response.statusText}`;
      throw new LinkError(`The file "${file.name}" was not stored: ${why}`, {
        code: answer.code || "upload-failed",
        hint: answer.hint || "",
      });
    }
    return plain(answer);
  }
}

/**
 * Return the answer without the mark that it is one.
 * @param {Record<string, any>} answer
 * @returns {Record<string, any>}
 */
function plain({ success, ...answer }) {
  return answer;
}
