// Hands htmx its Trusted Types policy and takes away its two ways to run text as code.
// Uses htmx's internal `initSecurity`: the version is pinned, and a test runs every page under the policy.
(() => {
  const refuse = function () { throw new Error("text is never run as code here"); };
  const policy = window.trustedTypes
    ? trustedTypes.createPolicy("htmx", { createHTML: (text) => text, createScript: (text) => text })
    : undefined;
  htmx.registerExtension("tt", { init: (internal) => internal.initSecurity(policy, refuse, refuse) });
})();
