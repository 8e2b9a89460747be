// A classifier whose model is a data module of the script.
import { InferenceSession } from "dyadic";
import model from "../model.dyad";
import { answer } from "./classify.ts";

const session = InferenceSession.create(model); // once an isolate, before the first request

export default {
  fetch: (request: Request) => answer(request, session),
};
