/** Ends the title of every test of a row that the dataplane declares as a gap: it passes, and is no proof. */
export const gapMark = ' (declared gap)'
