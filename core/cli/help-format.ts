import { type Command, Help } from 'commander'

/** Columns where stdout is no terminal, or one that doesn't say how wide it is. */
const standardWidth = 80

/** Columns of a paragraph, however wide a terminal is. */
const widest = 120

/** Columns that descriptions have beside the terms, at least; longer terms have a line of their own. */
const descriptionWidth = 44

/** Columns below which nothing is fitted any more. */
const minWidthToWrap = 10

/** Columns of indentation, and between a term and its description. */
const indent = 2
const gap = 2

/** Has the help of a command, and of those that are made of it, keep to the width of where it is printed. */
export function fitHelp(command: Command): Command {
  return command
    .configureOutput({
      getOutHelpWidth: () => terminalWidth(process.stdout),
      getErrHelpWidth: () => terminalWidth(process.stderr),
    })
    .configureHelp({ minWidthToWrap, padWidth, formatItem })
}

/**
 * What the help says after the options, fit for the width: its paragraphs, and not its indented lines, which are there to
 * be copied.
 */
export function fitText(text: string, width = Math.min(terminalWidth(process.stdout), widest)): string {
  const helper = Object.assign(new Help(), { minWidthToWrap })
  const lines: string[] = []
  let isOpen = false
  for (const line of text.split('\n')) {
    const isProse = line !== '' && !line.startsWith(' ')
    if (isProse && isOpen) lines.push(`${lines.pop()} ${line}`)
    else lines.push(line)
    isOpen = isProse
  }
  return lines.map((line) => (line.startsWith(' ') ? line : helper.boxWrap(line, width))).join('\n')
}

function terminalWidth({ isTTY, columns }: NodeJS.WriteStream): number {
  return (isTTY === true ? columns : 0) || standardWidth
}

function padWidth(command: Command, helper: Help): number {
  const longest = Help.prototype.padWidth.call(helper, command, helper)
  const width = helper.helpWidth ?? standardWidth
  return Math.min(longest, Math.max(width - descriptionWidth, Math.floor(width / 3)))
}

function formatItem(this: Help, term: string, termWidth: number, description: string, helper: Help): string {
  if (description === '' || helper.displayWidth(term) <= termWidth)
    return Help.prototype.formatItem.call(this, term, termWidth, description, helper)
  const [own, below] = [' '.repeat(indent), ' '.repeat(indent + termWidth + gap)]
  const room = (helper.helpWidth ?? standardWidth) - below.length
  return [
    own + term,
    ...helper
      .boxWrap(description, room)
      .split('\n')
      .map((line) => below + line),
  ].join('\n')
}
