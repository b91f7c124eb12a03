// Loads a page in Chromium with Playwright, which records a HAR file; through a proxy, if one is given.
import { chromium } from 'playwright-core';

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
