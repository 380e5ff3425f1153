"use strict";
(() => {
  const questions = [...document.querySelectorAll("details.question")];
  const words = document.getElementById("words");
  const skill = document.getElementById("skill");
  const result = document.getElementById("result");
  const count = document.getElementById("count");
  const texts = new Map();
  const show = () => {
    const wanted = words.value.toLocaleLowerCase().trim();
    let shown = 0;
    for (const one of questions) {
      if (wanted && !texts.has(one)) texts.set(one, one.textContent.toLocaleLowerCase());
      const fits = (!skill.value || one.dataset.skill === skill.value)
        && (!result.value || one.dataset.results.split(" ").includes(result.value))
        && (!wanted || texts.get(one).includes(wanted));
      one.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${questions.length} questions`;
  };
  let waiting = 0;
  words.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  skill.addEventListener("change", show);
  result.addEventListener("change", show);
  show();
})();
