import { nodeName } from '../config/node-name.ts'
import { UserError } from './user-error.ts'

/**
 * Which of a file's Nodes this is: the one that the operator names, else the only one, else the one that is called
 * like this machine. A file without Nodes leaves the machine's name.
 *
 * @throws {UserError} when the name is not in the file, or none is given and the file has several others.
 */
export function chooseNode(named: string | undefined, nodes: readonly string[], hostname: string): string {
  const list = nodes.length > 10 ? `${nodes.slice(0, 10).join(', ')}, ...` : nodes.join(', ')
  if (named !== undefined) {
    const name = nodeName(named, hostname)
    if (nodes.length > 0 && !nodes.includes(name)) {
      throw new UserError(`the file has no Node '${name}'`, { fix: `--node takes one of ${list}` })
    }
    return name
  }
  const [only, ...others] = nodes
  if (only !== undefined && others.length === 0) return only
  const own = nodeName(undefined, hostname)
  if (nodes.length === 0 || nodes.includes(own)) return own
  throw new UserError(`the file has ${nodes.length} Nodes, and none is called like this machine ('${own}')`, {
    fix: `choose one with --node: ${list}`,
  })
}
