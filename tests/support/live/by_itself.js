// A page that nobody can ask anything takes the steps of its fragment by itself, one after the other,
// and says on its console what it saw in each.
addEventListener('load', async () => {
  for (const spec of JSON.parse(decodeURIComponent(location.hash.slice(1)))) {
    console.log(`step ${JSON.stringify(await step(spec))}`);
  }
});
