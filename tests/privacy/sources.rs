//! Reads the sources of the core and of its bindings: nothing but `noise` makes a `Noised`, and nothing else encodes.
//!
//! `trybuild` shows that one wrong program does not build. This shows that no other door was opened: no `From`,
//! `Default`, `Deserialize` or `Clone`, no public field, no second function that returns one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, ExprStruct, File, FnArg, ImplItemFn, Item, ItemFn, ItemImpl, ItemMacro, ItemStruct, ItemType, Meta,
    ReturnType, Signature, TraitItemFn, Type, TypeReference, UseRename, Visibility,
    visit::{self, Visit},
};

/// The types that must not be made, copied or encoded by any way but one: the file, and the function in it.
const GUARDED: [(&str, &str, &str); 3] = [
    ("Noised", "crate/release/src/noise.rs", "noise"),
    ("Charge", "crate/release/src/ledger.rs", "Ledger::reserve"),
    ("Unnoised", "crate/release/src/noise/unnoised.rs", "Unnoised::new"),
];

/// Where the device's code lies: what is read.
const FOLDERS: [&str; 2] = ["crate", "web/src"];

/// What comes before the noise, in the order of its stages: whatever encodes has never heard of it.
const BEFORE_NOISE: [&str; 3] = ["Gradient", "Clipped", "Preview"];

/// Where "no noise" may be named: in its own file, and where that is let out to the simulator. Not where anything is
/// encoded, sealed or sent.
const UNNOISED: [&str; 4] = [
    "crate/privet/src/lib.rs",
    "crate/release/src/lib.rs",
    "crate/release/src/noise.rs",
    "crate/release/src/noise/unnoised.rs",
];

/// Where it may be named what a descent comes to, which differs from the published head by the gradient: where it is computed,
/// where the machine that contributes asks its host for it, and where it is made into one.
const DESCENT: [&str; 9] = [
    "crate/device/src/device.rs",
    "crate/effects/src/effect.rs",
    "crate/effects/src/lib.rs",
    "crate/model/src/backend.rs",
    "crate/model/src/descent.rs",
    "crate/model/src/lib.rs",
    "crate/participation/src/member.rs",
    "crate/release/src/gradient.rs",
    "web/src/participation.rs",
];

struct Reader<'a> {
    guarded: &'static str,
    /// The one function that may make it, where this is its file.
    maker: Option<&'static str>,
    /// The type whose methods are being read.
    of: String,
    /// The function that is being read, with that type before it.
    within: String,
    faults: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn inside(&self) -> bool {
        self.of == self.guarded
    }

    fn enter(&mut self, signature: &Signature) {
        let name = &signature.ident;
        self.within = if self.of.is_empty() { name.to_string() } else { format!("{}::{name}", self.of) };
        if self.maker == Some(self.within.as_str()) {
            return;
        }
        if let ReturnType::Type(_, returned) = &signature.output
            && self.names_guarded(returned)
        {
            self.faults.push(format!("fn {} returns a {}", self.within, self.guarded));
        }
        // Whoever lends the place of one may have it filled.
        for input in &signature.inputs {
            if let FnArg::Typed(input) = input
                && let Type::Reference(TypeReference { mutability: Some(_), elem, .. }) = &*input.ty
                && self.names_guarded(elem)
            {
                self.faults.push(format!("fn {} may write a {}", self.within, self.guarded));
            }
        }
    }

    fn names_guarded(&self, ty: &Type) -> bool {
        let mut names = Names::default();
        names.visit_type(ty);
        names.0.iter().any(|name| name == self.guarded || (self.inside() && name == "Self"))
    }

    fn check_derives(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            let Meta::List(list) = &attribute.meta else { continue };
            let derived = list.tokens.to_string();
            for banned in ["Deserialize", "Serialize", "Default", "Clone", "Copy", "Pod"] {
                if attribute.path().is_ident("derive") && derived.split([',', ' ', ':']).any(|word| word == banned) {
                    self.faults.push(format!("{} derives {banned}", self.guarded));
                }
            }
        }
    }
}

#[derive(Default)]
struct Names(Vec<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.0.push(ident.to_string());
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        if item.ident == self.guarded {
            self.check_derives(&item.attrs);
            if item.fields.iter().any(|field| !matches!(field.vis, Visibility::Inherited)) {
                self.faults.push(format!("{} has a field that others reach", self.guarded));
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        self.of = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default(),
            _ => String::new(),
        };
        if let Some((_, path, _)) = &item.trait_ {
            let mut path_names = Names::default();
            path_names.visit_path(path);
            if self.inside() {
                self.faults.push(format!("{} implements {}", self.guarded, path_names.0.join("::")));
            } else if path_names.0.contains(&self.guarded.to_owned()) {
                self.faults.push(format!("a trait is implemented over {}", self.guarded));
            }
        }
        visit::visit_item_impl(self, item);
        self.of.clear();
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.enter(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.enter(&item.sig);
        visit::visit_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        self.enter(&item.sig);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_struct(&mut self, item: &'ast ExprStruct) {
        // A generic type (a step of the ledger) may carry one out without its name: so it is written in one place, too.
        let written = item.path.segments.last().is_some_and(|last| {
            last.ident == self.guarded || (self.inside() && last.ident == "Self" && item.path.segments.len() == 1)
        });
        if written && self.maker != Some(self.within.as_str()) {
            self.faults.push(format!("fn {} writes a {}", self.within, self.guarded));
        }
        visit::visit_expr_struct(self, item);
    }

    fn visit_use_rename(&mut self, item: &'ast UseRename) {
        if item.ident == self.guarded && item.rename != "_" {
            self.faults.push(format!("{} has another name, {}", self.guarded, item.rename));
        }
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        if self.names_guarded(&item.ty) {
            self.faults.push(format!("{} has another name, {}", self.guarded, item.ident));
        }
    }

    fn visit_item_macro(&mut self, item: &'ast ItemMacro) {
        // The core's codecs are macros over the names of types.
        let tokens = item.mac.tokens.to_string();
        if item.ident.is_none() && tokens.split(|c: char| !c.is_alphanumeric()).any(|word| word == self.guarded) {
            self.faults.push(format!("a macro names {}", self.guarded));
        }
    }

    fn visit_item(&mut self, item: &'ast Item) {
        // A test may make what it likes: it is never shipped.
        let attributes = match item {
            Item::Mod(module) => &module.attrs,
            Item::Impl(block) => &block.attrs,
            _ => &Vec::new(),
        };
        if !attributes.iter().any(is_cfg_test) {
            visit::visit_item(self, item);
        }
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    matches!(&attribute.meta, Meta::List(list) if list.path.is_ident("cfg") && list.tokens.to_string() == "test")
}

fn faults(place: &str, source: &str) -> Vec<String> {
    let file: File = syn::parse_str(source).expect("the source parses");
    let mut faults = Vec::new();
    for (guarded, home, maker) in GUARDED {
        let maker = (place == home).then_some(maker);
        let (of, within) = (String::new(), String::new());
        Reader { guarded, maker, of, within, faults: &mut faults }.visit_file(&file);
    }
    faults
}

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("the core's folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("readable");
            found.push((path, text));
        }
    }
}

/// Every source of the device, by its path in the repository.
fn device() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    FOLDERS.iter().for_each(|folder| sources(&root.join(folder), &mut found));
    let name = |path: PathBuf| {
        let path = path.strip_prefix(&root).expect("it lies there").to_str().expect("a plain name");
        path.replace('\\', "/")
    };
    found.into_iter().map(|(path, text)| (name(path), text)).collect()
}

#[test]
fn what_was_left_without_noise_is_known_to_nothing_that_encodes() {
    let mut places = Vec::new();
    for (path, text) in device() {
        let mut names = Names::default();
        names.visit_file(&syn::parse_str(&text).expect("the source parses"));
        if names.0.iter().any(|name| name == "Unnoised") {
            places.push(path.clone());
        }
        if path == "crate/release/src/noise.rs" {
            let behind = "#[cfg(feature = \"simulate\")]\nmod unnoised;";
            assert!(text.contains(behind), "it is not behind the simulator's feature");
        }
    }
    places.sort();
    assert_eq!(places, UNNOISED);
}

#[test]
fn what_a_descent_comes_to_is_known_to_who_computes_it_and_who_clips_it_alone() {
    let names_it = |text: &str| {
        let mut names = Names::default();
        names.visit_file(&syn::parse_str(text).expect("the source parses"));
        names.0.iter().any(|name| name == "descent" || name == "Descended")
    };
    let shipped = device().into_iter().filter(|(path, _)| !path.contains("/tests/"));
    let places: Vec<_> = shipped.filter(|(_, text)| names_it(text)).map(|(path, _)| path).collect();
    for path in &places {
        assert!(DESCENT.contains(&path.as_str()), "{path} names what a descent comes to");
    }
    assert!(places.iter().any(|path| path.starts_with("crate/release/")), "it has another name now: look again");
    assert!(names_it("fn f(b: &mut Backend) { b.descent(h, x) }") && !names_it("fn f() { descend() }"));
}

/// A vector becomes shares, and is sealed, where an upload is made of what was noised; a whole share of it is made where a sum
/// is noised, too.
const SHARED: [&str; 4] = [
    "crate/aggregate/src/aggregate.rs",
    "crate/release/src/upload.rs",
    "crate/shares/src/seal.rs",
    "crate/shares/src/share.rs",
];

#[test]
fn a_vector_is_shared_and_sealed_where_it_was_noised_alone() {
    let shares =
        |text: &str| text.contains("Share::whole(") || text.contains("Share::split(") || text.contains("seal(&");
    for (path, text) in device() {
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(!shares(shipped) || SHARED.contains(&path.as_str()), "{path} makes shares of a vector, or seals one");
    }
    assert!(shares("let share = Share::whole(&grid);"));
}

#[test]
fn nothing_before_the_noise_has_an_encoding() {
    let encoded = |text: &str| {
        let file: File = syn::parse_str(text).expect("the source parses");
        let names: Vec<String> = file.items.iter().flat_map(encoded_by).collect();
        BEFORE_NOISE.into_iter().filter(|name| names.iter().any(|known| known == name)).collect::<Vec<_>>()
    };
    for (path, text) in device() {
        assert_eq!(encoded(&text), [""; 0], "{path}");
    }
    assert_eq!(encoded("cbor!(Gradient { values });"), ["Gradient"]);
    assert_eq!(encoded("stored! { Item { key } Clipped { grid } }"), ["Clipped"]);
    assert_eq!(encoded("impl Stored for Preview { }"), ["Preview"]);
    assert_eq!(encoded("impl Drop for Gradient { }"), [""; 0]);
}

/// The names of the types that an item gives an encoding: by one of the codecs' macros, or by hand.
fn encoded_by(item: &Item) -> Vec<String> {
    match item {
        Item::Macro(item) if item.ident.is_none() => {
            item.mac.tokens.to_string().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect()
        }
        Item::Impl(item) => {
            let codec = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
            if codec.is_none_or(|codec| codec.ident != "Cbor" && codec.ident != "Stored") {
                return Vec::new();
            }
            let mut names = Names::default();
            names.visit_type(&item.self_ty);
            names.0
        }
        _ => Vec::new(),
    }
}

#[test]
fn nothing_but_noise_makes_a_noised_vector() {
    let found = device();
    for (guarded, home, _) in GUARDED {
        let text = found.iter().find(|(path, _)| path == home).map(|(_, text)| text.as_str()).unwrap_or_default();
        assert!(text.contains(&format!("pub struct {guarded}")), "{guarded} has moved: look again");
    }
    assert!(found.iter().any(|(path, _)| path == "web/src/release.rs"), "the bindings have moved: look again");
    let faults: Vec<_> = found.iter().flat_map(|(path, source)| faults(path, source)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_other_door_is_noticed() {
    for (planted, fault) in [
        (
            "impl From<Clipped> for Noised { fn from(c: Clipped) -> Self { todo!() } }",
            "Noised implements From::Clipped",
        ),
        ("impl Default for Noised { }", "Noised implements Default"),
        ("impl Default for crate::noise::Noised { }", "Noised implements Default"),
        ("#[derive(Debug, serde::Deserialize)] pub struct Noised { grid: Vec<i32> }", "Noised derives Deserialize"),
        ("#[derive(Clone)] pub struct Charge { amount: u64 }", "Charge derives Clone"),
        ("pub struct Noised { pub grid: Vec<i32> }", "Noised has a field that others reach"),
        ("pub struct Noised { pub(crate) grid: Vec<i32> }", "Noised has a field that others reach"),
        ("pub fn skip(c: Clipped) -> Result<Noised> { todo!() }", "fn skip returns a Noised"),
        ("pub fn skip(c: Clipped) -> crate::Result<crate::noise::Noised> { todo!() }", "fn skip returns a Noised"),
        ("trait Skip { fn skip(&self) -> Noised; }", "fn skip returns a Noised"),
        ("pub fn fill(c: Clipped, to: &mut Option<Noised>) { todo!() }", "fn fill may write a Noised"),
        ("impl Noised { pub fn new() -> Self { todo!() } }", "fn Noised::new returns a Noised"),
        ("impl Clipped { pub fn raw(self) -> Option<Noised> { todo!() } }", "fn Clipped::raw returns a Noised"),
        ("fn raw(c: Clipped) -> Step<()> { step(crate::noise::Noised { grid }) }", "fn raw writes a Noised"),
        ("impl Noised { fn give<T>(&self) -> Step<T> { step(Self { grid }) } }", "fn Noised::give writes a Noised"),
        (
            "impl Ledger { fn give<T>(&self) -> Step<T> { self.step(Charge { cost }) } }",
            "fn Ledger::give writes a Charge",
        ),
        ("use crate::noise::Noised as Plain;", "Noised has another name, Plain"),
        ("type Plain = crate::noise::Noised;", "Noised has another name, Plain"),
        ("#[derive(Serialize)] pub struct Unnoised { grid: Vec<i32> }", "Unnoised derives Serialize"),
        ("impl From<Unnoised> for Noised { }", "Noised implements From::Unnoised"),
        ("cbor!(Noised { grid });", "a macro names Noised"),
        ("stored! { Item { key } Charge { cost } }", "a macro names Charge"),
        ("impl Cbor for Noised { }", "Noised implements Cbor"),
        ("impl Into<Noised> for Clipped { }", "a trait is implemented over Noised"),
        // The right names in the wrong file, or on the wrong type.
        ("pub fn noise(c: Clipped) -> Result<Noised> { todo!() }", "fn noise returns a Noised"),
        ("impl Budget { pub fn reserve(&self) -> Charge { todo!() } }", "fn Budget::reserve returns a Charge"),
    ] {
        let found = faults("web/src/release.rs", planted);
        assert!(found.contains(&fault.to_owned()), "{planted}: {found:?}");
    }
    let plain = "pub fn noise(c: Clipped) -> Result<Noised> { todo!() }";
    assert_eq!(faults("crate/release/src/noise.rs", plain), [""; 0]);
    let method = "impl Clipped { pub fn noise(self) -> Result<Noised> { todo!() } }";
    assert_eq!(faults("crate/release/src/noise.rs", method), ["fn Clipped::noise returns a Noised"]);
}
