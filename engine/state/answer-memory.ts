/** The memory of all ledgers of a title: each adds what it takes and subtracts what it gives back. */
export class AnswerMemory {
  bytes = 0;
}
