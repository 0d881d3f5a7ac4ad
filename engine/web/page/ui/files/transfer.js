/** Files between the person's machine and a file manager. */

import { saveUrl } from "../../core/host_files.js";
import { joinPath } from "./browse.js";

/**
 * Put a file into a folder of the manager; `onSent` hears how many bytes are there.
 * @param {any} manager @param {{path: string, sep: string}} folder @param {File} file
 * @param {(bytes: number) => void} onSent
 */
export async function uploadFile(manager, folder, file, onSent) {
  if (manager.putFile) {
    await manager.putFile(file, joinPath(folder.path, file.name, folder.sep));
    return;
  }
  const path = joinPath(folder.path, file.name, folder.sep);
  const granted = await manager.requestUploadUrl({ path, overwrite: true });
  await post(typeof granted === "string" ? granted : granted.url, file, onSent);
}

/** Offer a file of the manager as a download. @param {any} manager @param {{path: string, name: string}} file */
export async function downloadFile(manager, file) {
  saveUrl(await urlOf(manager, file.path), file.name);
}

/** Return the address of a file of the manager. @param {any} manager @param {string} path @returns {Promise<string>} */
export async function urlOf(manager, path) {
  const given = await manager.getFileUrl({ path, file_manager: manager.url });
  return typeof given === "string" ? given : given.url;
}

/** `fetch` does not tell how much of a body is sent. @param {string} url @param {File} file @param {(bytes: number) => void} onSent @returns {Promise<void>} */
function post(url, file, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => {
      if (request.status < 300) resolve();
      else reject(new Error(`${file.name} was not taken: ${reasonIn(request)}.`));
    };
    request.onerror = () => reject(new Error(`${file.name} could not be sent: the connection broke.`));
    const body = new FormData();
    body.append("file", file);
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function reasonIn(request) {
  try {
    const said = JSON.parse(request.responseText);
    return String(said.error ?? said.message ?? request.statusText);
  } catch {
    return request.statusText || `status ${request.status}`;
  }
}
