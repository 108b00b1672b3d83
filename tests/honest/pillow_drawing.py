import hashlib
import io

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

image = Image.new("RGB", (320, 200), "white")
draw = ImageDraw.Draw(image)
draw.rectangle((20, 20, 140, 120), fill=(200, 30, 30), outline="black", width=3)
draw.ellipse((160, 40, 300, 180), fill="#3355ff")
draw.line([(0, 0), (320, 200)], fill="green", width=2)
draw.text((30, 150), "Hällo", fill="black", font=ImageFont.load_default())
print(image.getpixel((25, 25)), image.getbbox(), ImageColor.getrgb("teal"))

thumb = image.copy()
thumb.thumbnail((80, 80))
print(thumb.size, image.resize((64, 64), Image.Resampling.LANCZOS).getextrema())
print(image.rotate(90, expand=True).size, image.crop((10, 10, 60, 40)).size, ImageOps.mirror(image).getpixel((295, 25)))
for step in (image.convert("L"), image.filter(ImageFilter.GaussianBlur(2)), ImageEnhance.Contrast(image).enhance(1.5)):
    print(step.mode, hashlib.md5(step.tobytes()).hexdigest())
print(ImageChops.difference(image, ImageOps.flip(image)).getbbox(), image.quantize(8).mode, image.histogram()[255])
for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    print(kind, Image.open(buffer).size, Image.open(buffer).format)
image.save("drawing.png")
print(Image.open("drawing.png").convert("RGB").tobytes() == image.tobytes())
