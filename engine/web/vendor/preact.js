/** The view library of the page, bundled once: preact, its hooks, and htm bound to it. */
import { h } from "preact";
import htm from "htm";

export { Component, createContext, Fragment, h, render } from "preact";
export {
  useCallback,
  useContext,
  useEffect,
  useErrorBoundary,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "preact/hooks";

export const html = htm.bind(h);
