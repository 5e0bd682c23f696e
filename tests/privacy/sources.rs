//! Reads the core's sources: nothing but `noise` makes a `Noised`, and nothing else encodes.
//!
//! `trybuild` shows that one wrong program does not build. This shows that no other door was opened: no `From`,
//! `Default`, `Deserialize` or `Clone`, no public field, no second function that returns one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, ExprStruct, File, ImplItemFn, Item, ItemFn, ItemImpl, ItemMacro, ItemStruct, Meta, ReturnType, Type,
    Visibility,
    visit::{self, Visit},
};

/// The types that must not be made, copied or encoded by any way but the one of their file.
const GUARDED: [(&str, &[&str]); 3] = [("Noised", &["noise"]), ("Charge", &["reserve"]), ("Unnoised", &["new"])];

/// What comes before the noise, in the order of its stages: whatever encodes has never heard of it.
const BEFORE_NOISE: [&str; 3] = ["Gradient", "Clipped", "Preview"];

/// Where "no noise" may be named: in its own file, and where that is let out to the simulator. Not where anything is
/// encoded, sealed or sent.
const UNNOISED: [&str; 3] = ["lib.rs", "noise.rs", "noise/unnoised.rs"];

#[derive(Default)]
struct Reader {
    guarded: &'static str,
    makers: &'static [&'static str],
    inside: bool,
    /// The function that is being read.
    within: String,
    faults: Vec<String>,
}

impl Reader {
    fn check_return(&mut self, name: &str, output: &ReturnType) {
        let ReturnType::Type(_, returned) = output else { return };
        let mut names = Names::default();
        names.visit_type(returned);
        let makes = names.0.iter().any(|name| name == self.guarded || (self.inside && name == "Self"));
        if makes && !self.makers.contains(&name) {
            self.faults.push(format!("fn {name} returns a {}", self.guarded));
        }
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

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        if item.ident == self.guarded {
            self.check_derives(&item.attrs);
            if item.fields.iter().any(|field| !matches!(field.vis, Visibility::Inherited)) {
                self.faults.push(format!("{} has a field that others reach", self.guarded));
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let mut names = Names::default();
        names.visit_type(&item.self_ty);
        self.inside =
            matches!(&*item.self_ty, Type::Path(_)) && names.0.last().is_some_and(|name| name == self.guarded);
        if let Some((_, path, _)) = &item.trait_ {
            let mut path_names = Names::default();
            path_names.visit_path(path);
            if self.inside {
                self.faults.push(format!("{} implements {}", self.guarded, path_names.0.join("::")));
            } else if path_names.0.contains(&self.guarded.to_owned()) {
                self.faults.push(format!("a trait is implemented over {}", self.guarded));
            }
        }
        visit::visit_item_impl(self, item);
        self.inside = false;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.within = item.sig.ident.to_string();
        self.check_return(&item.sig.ident.to_string(), &item.sig.output);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.within = item.sig.ident.to_string();
        self.check_return(&item.sig.ident.to_string(), &item.sig.output);
        visit::visit_item_fn(self, item);
    }

    fn visit_expr_struct(&mut self, item: &'ast ExprStruct) {
        // A generic type (a step of the ledger) may carry one out without its name: so it is written in one place, too.
        if item.path.is_ident(self.guarded) && !self.makers.contains(&self.within.as_str()) {
            self.faults.push(format!("fn {} writes a {}", self.within, self.guarded));
        }
        visit::visit_expr_struct(self, item);
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

fn faults(source: &str) -> Vec<String> {
    let file: File = syn::parse_str(source).expect("the source parses");
    let read = |&(guarded, makers): &(&'static str, &'static [&'static str])| {
        let mut reader = Reader { guarded, makers, ..Reader::default() };
        reader.visit_file(&file);
        reader.faults
    };
    GUARDED.iter().flat_map(read).collect()
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

fn core() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crate/src");
    sources(&folder, &mut found);
    found.iter_mut().for_each(|(path, _)| *path = path.strip_prefix(&folder).expect("it lies there").to_owned());
    found
}

#[test]
fn what_was_left_without_noise_is_known_to_nothing_that_encodes() {
    let mut places = Vec::new();
    for (path, text) in core() {
        let mut names = Names::default();
        names.visit_file(&syn::parse_str(&text).expect("the source parses"));
        if names.0.iter().any(|name| name == "Unnoised") {
            places.push(path.to_str().expect("a plain name").replace('\\', "/"));
        }
        if path.ends_with("noise.rs") {
            let behind = "#[cfg(feature = \"simulate\")]\nmod unnoised;";
            assert!(text.contains(behind), "it is not behind the simulator's feature");
        }
    }
    places.sort();
    assert_eq!(places, UNNOISED);
}

#[test]
fn nothing_before_the_noise_has_an_encoding() {
    let encoded = |text: &str| {
        let file: File = syn::parse_str(text).expect("the source parses");
        let names: Vec<String> = file.items.iter().flat_map(encoded_by).collect();
        BEFORE_NOISE.into_iter().filter(|name| names.iter().any(|known| known == name)).collect::<Vec<_>>()
    };
    for (path, text) in core() {
        assert_eq!(encoded(&text), [""; 0], "{}", path.display());
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
    let found = core();
    assert!(found.iter().any(|(_, source)| source.contains("pub struct Noised")), "the type has moved: look again");
    let faults: Vec<_> = found.iter().flat_map(|(_, source)| faults(source)).collect();
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
        ("#[derive(Debug, serde::Deserialize)] pub struct Noised { grid: Vec<i32> }", "Noised derives Deserialize"),
        ("#[derive(Clone)] pub struct Charge { amount: u64 }", "Charge derives Clone"),
        ("pub struct Noised { pub grid: Vec<i32> }", "Noised has a field that others reach"),
        ("pub struct Noised { pub(crate) grid: Vec<i32> }", "Noised has a field that others reach"),
        ("pub fn skip(c: Clipped) -> Result<Noised> { todo!() }", "fn skip returns a Noised"),
        ("impl Noised { pub fn new() -> Self { todo!() } }", "fn new returns a Noised"),
        ("impl Clipped { pub fn raw(self) -> Option<Noised> { todo!() } }", "fn raw returns a Noised"),
        ("impl Ledger { fn give<T>(&self) -> Step<T> { self.step(Charge { cost }) } }", "fn give writes a Charge"),
        ("#[derive(Serialize)] pub struct Unnoised { grid: Vec<i32> }", "Unnoised derives Serialize"),
        ("impl From<Unnoised> for Noised { }", "Noised implements From::Unnoised"),
        ("cbor!(Noised { grid });", "a macro names Noised"),
        ("stored! { Item { key } Charge { cost } }", "a macro names Charge"),
        ("impl Cbor for Noised { }", "Noised implements Cbor"),
        ("impl Into<Noised> for Clipped { }", "a trait is implemented over Noised"),
    ] {
        assert!(faults(planted).contains(&fault.to_owned()), "{planted}: {:?}", faults(planted));
    }
    assert_eq!(faults("pub fn noise(c: Clipped) -> Result<Noised> { todo!() }"), [""; 0]);
}
