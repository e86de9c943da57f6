/**
 * A body, or a message in it, is no Arrow or not such as is read here. Its message is shown to
 * clients, after "the body is no sequence of Arrow streams".
 */
export class ArrowDamage extends Error {
  override readonly name = 'ArrowDamage';
}
