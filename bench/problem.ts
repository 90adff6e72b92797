/** What whoever typed the command can mend: told without a stack. */
export class Problem extends Error {}
