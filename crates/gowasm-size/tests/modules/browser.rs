//! The page in a real browser: what it shows, and what clicks and words do.

use super::{gos, module};
use gowasm_size::{html, measure};
use gowasm_testbed::browser;

/// What a user would do, and a line for each thing seen.
const USER: &str = r##"<script>{
const seen = [], say = (what, is) => seen.push(what + "=" + is);
const cells = () => [...document.querySelectorAll("#map .cell")];
const named = name => cells().find(cell => cell.dataset.name === name);
const crumbs = () => [...document.querySelectorAll("#path button")].map(b => b.textContent).join("/");
say("root", cells()[0].dataset.name);
say("sections", !!named("code") && !!named("data"));
say("many", cells().length > 50);
const inside = cells()[0].getBoundingClientRect();
say("within", cells().every(c => c.getBoundingClientRect().right <= inside.right + 1));
named("code").click();
say("zoomed", crumbs());
say("top", cells()[0].dataset.name);
named("os").click();
say("deeper", crumbs());
document.querySelector("#path button").click();
say("back", crumbs());
const box = document.getElementById("search");
box.value = "PCLNTAB"; box.dispatchEvent(new Event("input"));
const hits = cells().filter(cell => cell.classList.contains("hit"));
say("hits", hits.length > 2 && hits.every(cell => cell.dataset.name.startsWith("pclntab")));
say("dimmed", getComputedStyle(named("code")).opacity < 1);
say("found", /^\d+ found/.test(document.getElementById("found").textContent));
box.value = "nothing has this name"; box.dispatchEvent(new Event("input"));
say("none", document.getElementById("found").textContent.startsWith("0 found"));
box.value = ""; box.dispatchEvent(new Event("input"));
say("cleared", document.querySelectorAll(".searching, .hit").length);
const report = document.createElement("pre");
report.id = "seen"; report.textContent = seen.join("\n"); document.body.append(report);
}</script>"##;

const EXPECTED: &[&str] = &[
    "root=main&lt;1&gt;.wasm",
    "sections=true",
    "many=true",
    "within=true",
    "zoomed=main&lt;1&gt;.wasm/code",
    "top=code",
    "deeper=main&lt;1&gt;.wasm/code/os",
    "back=main&lt;1&gt;.wasm",
    "hits=true",
    "dimmed=true",
    "found=true",
    "none=true",
    "cleared=0",
];

#[test]
fn the_page_zooms_and_searches_in_a_browser() {
    let report = measure(&module(&gos()[0], "")).unwrap();
    let page = html(&report, "main<1>.wasm");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("page.html");
    std::fs::write(&place, page.replace("</body>", &format!("{USER}</body>"))).unwrap();
    let dom = match browser::open(&place) {
        Ok(dom) => dom,
        Err(error) => {
            println!("skipped: the page in a browser: cannot start chromium: {error}");
            return;
        }
    };
    let seen = dom.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (seen, _) = seen.expect("the browser ran the page's script");
    assert_eq!(seen.lines().collect::<Vec<_>>(), EXPECTED);
}
