// The language of the page. Called with the chosen one, or with nothing when the page opens;
// returns the language that is shown.

async (chosen) => {
  const known = ["en", "zh-CN", "zh-TW"];
  const cookie = document.cookie.match(/(?:^|; )musicgen_language=([\w-]+)/)?.[1];
  const match = (tag) => {
    if (known.includes(tag)) return tag;
    if (/^zh\b/i.test(tag)) return /hant|tw|hk|mo/i.test(tag) ? "zh-TW" : "zh-CN";
    return known.find((one) => one === tag.split("-")[0]);
  };
  const wanted = [chosen, cookie, ...navigator.languages].filter((tag) => tag);
  const language = wanted.map(match).find((tag) => tag) || "en";
  if (chosen) {
    // Within the frame of another site a cookie must say so.
    const reach = location.protocol === "https:" ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
    document.cookie = `musicgen_language=${language}; path=/; max-age=31536000; ${reach}`;
  }
  document.documentElement.lang = language;
  const { changeLocale } = await import(new URL("CORE", document.baseURI));
  changeLocale(language);
  return language;
}
