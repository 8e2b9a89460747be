// `npm run readme`: README.md's table of speed from the committed results.
import { writeReadme } from "./readme-speed.ts";

writeReadme();
