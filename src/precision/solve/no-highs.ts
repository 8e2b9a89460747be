/** What pages have in place of HiGHS: see "imports" in package.json. */
export default undefined;
