// Plays a HAR file in Chromium: replay.mjs PLAYWRIGHT BROWSER FILE. Nothing else is reached.
import { createRequire } from 'node:module';

const [playwright, executablePath, file] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const context = await browser.newContext();
  await context.routeFromHAR(file, { notFound: 'abort' });
  const page = await context.newPage();
  const response = await page.goto('https://app.test/page');
  const status = await page.evaluate(async () => (await fetch('https://api.test/data')).status);
  console.log(response.status(), (await response.allHeaders())['x-powered-by'], status);
} finally {
  await browser.close();
}
