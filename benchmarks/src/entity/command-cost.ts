import { measure } from '../measure.js'
import { print } from '../report.js'
import { BARE_LOOP, bareLoop, entitiesOnMemory } from './bare-loop.js'

// Run by measureApart with the name of one contender.
const [measured] = await measure([process.argv[2] === BARE_LOOP ? bareLoop() : entitiesOnMemory()], 3)
print(JSON.stringify(measured?.rounds))
