import { render } from './dom.ts'
import { listen } from './keys.ts'
import { Page } from './page.ts'
import { follow } from './pointer.ts'
import { recall } from './theme.ts'
import { view } from './view.ts'

recall()
const app = document.getElementById('app')!

/** The server's own table is not for who runs this script, unless no frame comes. */
function draw(): void {
  const { frame, link } = page
  if (frame === undefined) return void app.classList.toggle('alone', link === 'lost' || link === 'stale')
  render(app, view(page, frame))
  document.title = frame.sum.attention > 0 ? `(${frame.sum.attention}) ${frame.title}` : frame.title
  const help = document.getElementById('help') as HTMLDialogElement
  if (page.helping && !help.open) help.showModal()
}

const page = new Page(draw)
listen(page)
follow(app, page)
page.begin()
