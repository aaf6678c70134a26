// What can go wrong between a page and the service.

/** The service answered, and said no. Its fields are those of RFC 9457. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {Record<string, any>} problem
   * @param {string | null} requestId
   */
  constructor(status, problem, requestId) {
    super(problem.detail || problem.title || `the service answered ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? "http_error";
    this.title = problem.title ?? `Answer ${status}`;
    this.detail = problem.detail ?? "";
    this.hint = problem.hint ?? "";
    /** @type {{loc: (string | number)[], msg: string, input: string}[]} */
    this.errors = problem.errors ?? [];
    this.requestId = requestId;
  }
}

/** No answer came: the service is gone, or the way to it. */
export class OfflineError extends Error {
  constructor(cause) {
    super("The service does not answer.", { cause });
    this.name = "OfflineError";
  }
}
