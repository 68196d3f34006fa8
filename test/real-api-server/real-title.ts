/** Begins the titles of tests that run against the real API server, which are counted by it. */
export const realTitle = 'real API server: '
