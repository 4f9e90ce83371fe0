// Mounts every explorable of the page: <figure data-explorable="NAME"> is drawn by ./NAME.js.

async function load(figure) {
  const stage = figure.querySelector(".explorable-stage");
  const { explorable, ...options } = figure.dataset;
  try {
    const module = await import(new URL(`./${explorable}.js`, import.meta.url));
    module.mount(stage, options);
  } catch (error) {
    stage.textContent = "This interactive figure could not be loaded; its description is in the caption.";
    console.error(error);
  }
}

document.querySelectorAll("figure[data-explorable]").forEach(load);
