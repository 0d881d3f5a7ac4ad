/** What components share: the app, observables, the clock. */

import { createContext, useContext, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";

/** @typedef {import("../app.js").App} App */

export const AppContext = createContext(/** @type {any} */ (null));

/** Return the app that the page was made with. @returns {App} */
export function useApp() {
  return useContext(AppContext);
}

/**
 * Return an observable's value and draw again when it changes.
 * @template T
 * @param {import("../state/observable.js").Observable<T>} observable
 * @returns {T}
 */
export function useObservable(observable) {
  const [, redraw] = useState({});
  useEffect(() => {
    const shown = observable.value;
    const stop = observable.subscribe(() => redraw({}));
    // It may have changed between drawing and listening.
    if (!Object.is(shown, observable.value)) redraw({});
    return stop;
  }, [observable]);
  return observable.value;
}

/**
 * Give the focus back to what has it now, or to what `elsewhere` finds, when what is drawn here goes
 * and takes the focus along.
 * @param {() => Element | null} [elsewhere]
 */
export function useFocusBack(elsewhere) {
  useLayoutEffect(() => {
    const before = document.activeElement;
    return () => {
      // What had the focus may be out of the page already, or soon.
      setTimeout(() => {
        if (document.activeElement !== document.body) return;
        const next = elsewhere ? elsewhere() : before;
        if (next instanceof HTMLElement) next.focus({ preventScroll: true });
      });
    };
  }, []);
}

const ACTS = ["pointerdown", "wheel", "keydown"];

/**
 * Return what refers to an element that is kept in view while it `isWanted`, however it grows;
 * `done` is called when a person does something.
 * @param {boolean} isWanted @param {() => void} done
 */
export function useInView(isWanted, done) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!isWanted || !element.current) return undefined;
    const look = () => element.current?.scrollIntoView({ block: "nearest" });
    const sizes = new ResizeObserver(look);
    sizes.observe(element.current);
    look();
    for (const act of ACTS) addEventListener(act, done, { passive: true });
    return () => {
      sizes.disconnect();
      for (const act of ACTS) removeEventListener(act, done);
    };
  }, [isWanted]);
  return element;
}

/** Return the time in milliseconds, drawing again every second while `running`. @param {boolean} running */
export function useClock(running) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!running) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
