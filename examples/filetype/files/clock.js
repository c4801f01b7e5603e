const face = document.querySelector('#clock');

function two(number) {
  return String(number).padStart(2, '0');
}

function tick() {
  const now = new Date();
  face.textContent = `${two(now.getHours())}:${two(now.getMinutes())}`;
}

tick();
setInterval(tick, 1000);
