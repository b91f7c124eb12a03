// Loads a page in Chromium with Playwright, which records a HAR file; through a proxy, if one is given.
import { createRequire } from 'node:module';

// `import` does not look into NODE_PATH.
const { chromium } = createRequire(import.meta.url)('playwright-core');

const [, , url, path, server] = process.argv;
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const proxy = server && { server, bypass: '<-loopback>' };
const context = await browser.newContext({ recordHar: { path, content: 'omit' }, proxy });
const page = await context.newPage();
await page.goto(url);
await page.waitForFunction(() => document.title === 'done');
await context.close();
await browser.close();
