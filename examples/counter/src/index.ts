export { counterBinarizer } from './counter-binarizer.js'
export {
  counter,
  type Dec,
  type Evt,
  type Inc,
  type InvalidAmount,
  MAX,
  type Overflow,
  type Underflow,
} from './counter.js'
