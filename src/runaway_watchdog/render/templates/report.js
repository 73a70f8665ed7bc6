
'use strict';
const told = document.getElementById('told');
function selected(text) {
  const range = document.createRange();
  range.selectNodeContents(text);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  return document.execCommand('copy');
}
for (const button of document.querySelectorAll('button[data-copies]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copies);
    let copied = true;
    try { await navigator.clipboard.writeText(text.textContent); } catch { copied = selected(text); }
    told.textContent = copied ? 'Copied: ' + text.textContent : 'Not copied: select the command and copy it yourself';
    const words = button.firstChild.textContent;
    button.firstChild.textContent = copied ? 'Copied' : 'Not copied';
    setTimeout(() => { button.firstChild.textContent = words; }, 2000);
  }, { passive: true });
}
